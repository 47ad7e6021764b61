{{ staged_rows(
    source_name='box_office_domestic',
    title='film_name',
    year='year_of_release',
    measures={'box_office_gross_usd': 'money'},
) }}
