-- Contact 104 is merged into 103, whose list Fivetran loads with it; Fin has another address, Bea is gone, Ada has a mobile phone.
update hubspot.contact set _fivetran_deleted = true, _fivetran_synced = '2026-06-02 00:00:00+00' where id in (102, 104);
update hubspot.contact
set
    property_hs_calculated_merged_vids = '103:1780300000000;104:1780300000000', property_lastmodifieddate = '2026-06-02 08:00:00+00',
    property_lifecyclestage = 'lead'
where id = 103;
update hubspot.contact
set property_email = 'fin.lund@hubspot.example', property_lastmodifieddate = '2026-06-02 08:00:00+00'
where id = 107;
alter table hubspot.contact add column property_mobilephone varchar;
update hubspot.contact
set property_mobilephone = '+49 151 5550301', property_lastmodifieddate = '2026-06-02 08:00:00+00'
where id = 101;
-- 108 and 109 are merged into a new contact, as HubSpot does it since 2025. Their rows stay as they were, and 109 is only in one of the two
-- lists.
alter table hubspot.contact add column property_hs_merged_object_ids varchar;
insert into hubspot.contact by name
select
    110 as id, '2026-06-02 00:00:00+00' as _fivetran_synced, false as _fivetran_deleted, 'gus@hubspot.example' as property_email,
    'Gus' as property_firstname, '108:1780300000000' as property_hs_calculated_merged_vids, '108;109' as property_hs_merged_object_ids,
    '2026-06-02 08:00:00+00' as property_createdate, '2026-06-02 08:00:00+00' as property_lastmodifieddate;

-- 112 is merged into 111. Its row stays, and was changed after that of 111 was.
update hubspot.contact
set property_hs_calculated_merged_vids = '112:1780300000000', property_lastmodifieddate = '2026-06-02 08:00:00+00'
where id = 111;
update hubspot.contact set property_lastmodifieddate = '2026-06-02 09:00:00+00' where id = 112;

-- Fivetran's history mode: every version of a contact stays. Ida's address was mended without a new time of change, Jon is deleted.
alter table hubspot.contact add column _fivetran_active boolean default true;
update hubspot.contact set _fivetran_active = false, _fivetran_synced = '2026-06-02 10:00:00+00' where id in (113, 114);
insert into hubspot.contact by name
select * replace ('ida.kerr@hubspot.example' as property_email, '2026-06-02 09:00:00+00' as _fivetran_synced, true as _fivetran_active)
from hubspot.contact
where id = 113;

-- A loader that adds a row a version: Kim's company is deleted, its time of change is as it was.
insert into hubspot.company by name
select * replace ('2026-06-02 09:00:00+00' as _fivetran_synced, true as _fivetran_deleted, null as is_deleted) from hubspot.company
where id = 9003;
