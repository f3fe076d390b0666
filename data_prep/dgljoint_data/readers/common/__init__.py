"""What several readers use: dates, JSON, tweets, digests."""
