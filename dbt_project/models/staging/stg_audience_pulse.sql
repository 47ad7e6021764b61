{{ staged_rows(
    source_name='audience_pulse',
    title='title',
    year='year',
    measures={
        'audience_average_score': 'score',
        'total_audience_ratings': 'count',
        'domestic_box_office_gross': 'money',
    },
) }}
