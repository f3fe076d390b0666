"""From stored cascades to a batch: edges, features, pairs to score."""
