def programs(Case, rows):
    return []
