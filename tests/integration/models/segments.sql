-- A model of the user's own under a name that the package uses in the warehouse.
select 'market' as segment
