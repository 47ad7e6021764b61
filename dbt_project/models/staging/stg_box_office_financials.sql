{{ staged_rows(
    source_name='box_office_financials',
    title='film_name',
    year='year_of_release',
    measures={
        'production_budget_usd': 'money',
        'marketing_spend_usd': 'money',
    },
) }}
