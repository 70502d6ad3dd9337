"""What a network answered on every picture: kept in a file, merged over processes, restricted, compared in pairs."""
