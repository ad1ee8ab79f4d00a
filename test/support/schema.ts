import { query } from "./query.ts"

const columns = `
  select c.relname as table, array_to_string(c.reloptions, ', ') as options,
    '  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ||
    case when a.attnotnull then ' not null' else '' end ||
    case when a.attidentity <> '' then ' identity' else '' end ||
    case when t.typcollation <> a.attcollation then ' collate ' || a.attcollation::regcollation
      else '' end ||
    case when a.attstorage <> t.typstorage then ' storage ' || a.attstorage::text else '' end ||
    coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') as line
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname not like 'kysely%'
  order by c.relname, a.attnum`

const indexes = `
  select tablename as table, '  ' || indexdef as line from pg_indexes
  where schemaname = 'public' order by tablename, indexname`

const checks = `
  select conrelid::regclass::text as table, '  ' || pg_get_constraintdef(oid) as line
  from pg_constraint
  where connamespace = 'public'::regnamespace and contype in ('c', 'f', 'u', 'x')
  order by 1, 2`

/** Every table of a database with its columns, checks and indexes, as text. */
export const schemaOf = async (databaseUrl: string): Promise<string> => {
  const rows = await query(databaseUrl, columns)
  const more = [...await query(databaseUrl, checks), ...await query(databaseUrl, indexes)]
  const tables = Map.groupBy(rows, ({ table }) => table as string)
  const text = [...tables].map(([table, lines]) =>
    [
      `${table}${lines[0]!["options"] === null ? "" : ` (${lines[0]!["options"]})`}`,
      ...lines.map(({ line }) => line),
      ...more.filter((one) => one["table"] === table).map(({ line }) => line)
    ].join("\n")
  ).join("\n\n")
  return text + "\n"
}
