with provider_rows as (

    select * from {{ touched(ref('provider_rows')) }}

),

rejected as (

    select
        source,
        _source_file,
        _row_number,
        _batch_id,
        raw_title,
        raw_year,
        raw_measures,
        reject_reason as reason
    from provider_rows
    where fate = 'rejected'

)

select * from rejected
