{{ staged_rows(
    source_name='critic_agg',
    title='movie_title',
    year='release_year',
    measures={
        'critic_score_percentage': 'percentage',
        'top_critic_score': 'score',
        'total_critic_reviews_counted': 'count',
    },
) }}
