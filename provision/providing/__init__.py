"""For authors of providers: what several clouds do alike. Pure but for `releases`; a plugin takes what fits it."""
