-- Cid's duplicate is merged into Cid, Bea has a new address, Fin is deleted, Gil becomes a contact.
update salesforce.contact
set is_deleted = true, master_record_id = '003Hs00001cidAAAA3', last_modified_date = '2026-06-02 08:00:00+00'
where id = '003Hs00001cidAAAA4';

update salesforce.contact
set email = 'bea.holt@salesforce.example', last_modified_date = '2026-06-02 08:00:00+00'
where id = '003Hs00001beaAAAA2';

update salesforce.contact set is_deleted = true, last_modified_date = '2026-06-02 08:00:00+00' where id = '003Hs00001finAAAA7';

insert into salesforce.contact values
    ('003Hs00001gilAAAA8', false, null, null, null, 'Gil', 'Moss', 'Owner', 'gil.moss@salesforce.example', null, null, '2026-06-02 08:00:00+00', '2026-06-02 09:00:00+00');

update salesforce.lead
set converted_contact_id = '003Hs00001gilAAAA8', status = 'Converted', last_modified_date = '2026-06-02 08:00:00+00'
where id = '00QHs00001gilAAAA1';

update salesforce.account set name = 'Acme Looms AG', last_modified_date = '2026-06-02 08:00:00+00' where id = '001Hs00001acmeAAA1';

-- A loader that adds a row a version: the one before Dan was deleted comes after it.
insert into salesforce.contact values
    ('003Hs00001danAAAA5', false, null, null, null, 'Dan', 'Joss', null, 'dan@salesforce.example', null, null, '2026-05-09 08:00:00+00', '2026-06-02 09:00:00+00');

-- Another: Kim is taken out of the bin, the time of change is as it was.
insert into salesforce.contact by name
select * replace (false as is_deleted, '2026-06-02 09:00:00+00' as _fivetran_synced) from salesforce.contact
where id = '003Hs00001kimAAAA1';

-- Fivetran's history mode: every version of a contact stays. Ida's address was mended without a new time of change, Jon is deleted.
alter table salesforce.contact add column _fivetran_active boolean default true;
update salesforce.contact
set _fivetran_active = false, _fivetran_synced = '2026-06-02 10:00:00+00'
where id in ('003Hs00001idaAAAA9', '003Hs00001jonAAAA0');
insert into salesforce.contact by name
select * replace ('ida.kerr@salesforce.example' as email, '2026-06-02 09:00:00+00' as _fivetran_synced, true as _fivetran_active)
from salesforce.contact
where id = '003Hs00001idaAAAA9';
