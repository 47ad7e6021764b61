with movies as (

    select * from {{ ref('movies_unified') }}

),

summed as (

    select
        release_year,
        count(*) as film_count,
        count(total_box_office_gross_usd) as films_with_total_gross,
        -- Sums of a year may be larger than a bigint.
        sum(cast(total_box_office_gross_usd as decimal(38, 0))) as total_box_office_gross_usd,
        count(profit_usd) as films_with_profit,
        sum(cast(profit_usd as decimal(38, 0))) as profit_usd,
        sum(
            if(profit_usd is not null, cast(production_budget_usd as decimal(38, 0)) + marketing_spend_usd)
        ) as spend_usd,
        count(critic_score_percentage) as films_with_critic_score,
        avg(critic_score_percentage) as average_critic_score_percentage,
        count(audience_average_score) as films_with_audience_score,
        avg(audience_average_score) as average_audience_score
    from movies
    group by release_year

),

final as (

    select
        release_year,
        film_count,
        films_with_total_gross,
        total_box_office_gross_usd,
        films_with_profit,
        profit_usd,
        cast(profit_usd as double) / nullif(cast(spend_usd as double), 0) as return_on_investment,
        films_with_critic_score,
        -- Rounded, because the order in which doubles are added shows in their last digits.
        round(average_critic_score_percentage, 4) as average_critic_score_percentage,
        films_with_audience_score,
        round(average_audience_score, 4) as average_audience_score
    from summed

)

select * from final
