with provider_rows as (

    select * from {{ touched(ref('provider_rows')) }}

),

kept as (

    select
        film_key,
        movie_title,
        release_year,
        critic_score_percentage,
        top_critic_score,
        total_critic_reviews_counted,
        _source_file,
        _row_number,
        _batch_id
    from provider_rows
    where source = 'critic_agg' and fate = 'kept'

)

select * from kept
