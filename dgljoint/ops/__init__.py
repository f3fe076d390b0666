"""Operations on ragged cascades, on the kernels of DGL or of torch."""
