"""What several providers stand on; none of it knows a provider."""
