with critic_rows as (

    select * from {{ ref('stg_critic_agg') }}

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
    from critic_rows
    where fate = 'kept'

)

select * from kept
