"""The components themselves: modules that import torch and are loaded when one is built."""
