"""Tables and text for people, made from the values that the verbs have."""
