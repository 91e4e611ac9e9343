"""The only door to GitHub: pure parts first, one client that crosses the network."""
