-- A recovered catalog knows of erasures that were not finished: the newest copy of a publication says them.
grant insert on ledger.erasure to ledger;
