/** Places in the transaction of a publication where it can be made to wait, so that something can be killed there. */
import type { Stack } from "../stack.ts";

/** The statements that change something, in their order; the last one is right before the commit. */
const statements = {
  publication: "after insert on branch.publication",
  publication_table: "after insert on branch.publication_table",
  namespaces: "after insert on iceberg.iceberg_namespace_properties",
  moved: "after insert on iceberg.iceberg_tables",
  removed: "after delete on iceberg.iceberg_tables",
};
const points = [...Object.keys(statements), "commit"];

/** Much longer than what is killed takes to notice. */
const pauseSeconds = 60;

async function install(stack: Stack): Promise<void> {
  const triggers = Object.entries(statements).map(
    ([point, event]) =>
      `create trigger pause_${point} ${event} for each statement execute function public.pause('${point}');`,
  );
  await stack.catalogQuery(`
    create table public.pause_at (point text);
    insert into public.pause_at values ('nowhere');
    create function public.pause() returns trigger language plpgsql security definer as $$
    begin
        if exists (select from public.pause_at where point = tg_argv[0]) then
            perform pg_sleep(${pauseSeconds});
        end if;
        return null;
    end $$;
    ${triggers.join("\n")}
    create constraint trigger pause_commit after insert on branch.publication initially deferred
    for each row execute function public.pause('commit');`);
}

/** At which point publications wait from now on; `nowhere`: they do not. */
async function set(stack: Stack, point: string): Promise<void> {
  await stack.catalogQuery(`update public.pause_at set point = '${point}'`);
}

const waiting = (stack: Stack) =>
  stack.catalogQuery("select count(*) from pg_stat_activity where wait_event = 'PgSleep'");

async function until(stack: Stack, count: string): Promise<void> {
  const deadlineMs = Date.now() + (pauseSeconds - 10) * 1000;
  while ((await waiting(stack)) !== count) {
    if (Date.now() > deadlineMs) throw new Error(`expected ${count} publications that wait`);
  }
}

async function remove(stack: Stack): Promise<void> {
  await stack.catalogQuery("drop function public.pause() cascade; drop table public.pause_at");
}

export const pauses = {
  points,
  install,
  set,
  remove,
  /** Until a publication waits. */
  reached: (stack: Stack) => until(stack, "1"),
  /** Until none does. */
  left: (stack: Stack) => until(stack, "0"),
};
