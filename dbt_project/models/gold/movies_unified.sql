with film_xref as (

    select * from {{ touched(ref('film_xref')) }}

),

critic_agg as (

    select * from {{ touched(ref('critic_agg')) }}

),

audience_pulse as (

    select * from {{ touched(ref('audience_pulse')) }}

),

box_office as (

    select * from {{ touched(ref('box_office_metrics')) }}

),

-- Every film, with the year under which each provider knows it.
films as (

    select
        film_key,
        movie_title,
        release_year,
        max(if(provider = 'critic_agg', source_year)) as critic_agg_year,
        max(if(provider = 'audience_pulse', source_year)) as audience_pulse_year,
        max(if(provider = 'box_office', source_year)) as box_office_year,
        array_join(array_sort(array_agg(distinct provider)), ',') as sources_present
    from film_xref
    group by film_key, movie_title, release_year

),

joined as (

    select
        films.movie_title,
        films.release_year,
        films.sources_present,
        audience_pulse.audience_average_score,
        audience_pulse.total_audience_ratings,
        critic_agg.critic_score_percentage,
        critic_agg.top_critic_score,
        critic_agg.total_critic_reviews_counted,
        coalesce(
            box_office.domestic_box_office_gross_usd, audience_pulse.domestic_box_office_gross_usd
        ) as domestic_box_office_gross_usd,
        case
            when box_office.domestic_box_office_gross_usd is not null then 'box_office'
            when audience_pulse.domestic_box_office_gross_usd is not null then 'audience_pulse'
        end as domestic_gross_source,
        box_office.international_box_office_gross_usd,
        box_office.production_budget_usd,
        box_office.marketing_spend_usd
    from films
    left join critic_agg
        on films.film_key = critic_agg.film_key and films.critic_agg_year = critic_agg.release_year
    left join audience_pulse
        on films.film_key = audience_pulse.film_key and films.audience_pulse_year = audience_pulse.release_year
    left join box_office
        on films.film_key = box_office.film_key and films.box_office_year = box_office.release_year

),

-- Amounts may each fit a bigint and their sum not; such a sum is null, as a missing input would make it.
totalled as (

    select
        *,
        try(domestic_box_office_gross_usd + international_box_office_gross_usd) as total_box_office_gross_usd
    from joined

),

profited as (

    select
        *,
        try(total_box_office_gross_usd - production_budget_usd - marketing_spend_usd) as profit_usd
    from totalled

),

final as (

    select
        movie_title,
        release_year,
        audience_average_score,
        total_audience_ratings,
        critic_score_percentage,
        top_critic_score,
        total_critic_reviews_counted,
        domestic_box_office_gross_usd,
        cast(domestic_gross_source as varchar) as domestic_gross_source,
        international_box_office_gross_usd,
        total_box_office_gross_usd,
        production_budget_usd,
        marketing_spend_usd,
        profit_usd,
        cast(profit_usd as double)
        / nullif(cast(production_budget_usd as double) + marketing_spend_usd, 0) as return_on_investment,
        cast(international_box_office_gross_usd as double)
        / nullif(total_box_office_gross_usd, 0) as international_share,
        critic_score_percentage - 10 * audience_average_score as critic_audience_gap,
        sources_present
    from profited

)

select * from final
