import pg from "pg"
import { serialize } from "pg-protocol"

/** A type of PostgreSQL: `text`, `bigint[]`, and of which kind it is (pg_type.typcategory). */
export interface SqlType {
  readonly oid: number
  readonly name: string
  readonly category: string
  /** What an array is of. */
  readonly element: SqlType | undefined
}

export interface Described {
  readonly parameters: ReadonlyArray<SqlType>
  readonly columns: ReadonlyArray<{
    readonly name: string
    readonly type: SqlType
    /** The column of a table that it is, just as it is. */
    readonly of: TableColumn | undefined
  }>
}

export interface TableColumn {
  readonly name: string
  readonly nullable: boolean
}

interface Field {
  readonly name: string
  readonly dataTypeID: number
  readonly tableID: number
  readonly columnID: number
}

/** Asks PostgreSQL what statements are, without running them. */
export class Describer {
  private readonly client: pg.Client
  private readonly types: ReadonlyMap<number, SqlType>
  private readonly tableColumns: ReadonlyMap<string, TableColumn>

  private constructor(
    client: pg.Client,
    types: ReadonlyMap<number, SqlType>,
    tableColumns: ReadonlyMap<string, TableColumn>
  ) {
    this.client = client
    this.types = types
    this.tableColumns = tableColumns
  }

  static async open(url: string): Promise<Describer> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query(`
      select oid, format_type(oid, null) as name, typcategory as category,
        case typcategory when 'A' then typelem end as element
      from pg_type`)
    const columns = await client.query(`
      select attrelid || '.' || attnum as place, attname as name, not attnotnull as nullable
      from pg_attribute where attrelid in (
        select oid from pg_class where relnamespace = 'public'::regnamespace)`)
    const types = new Map<number, SqlType>(rows.map((row) => [row.oid, row]))
    for (const row of rows) row.element = types.get(row.element)
    return new Describer(
      client,
      types,
      new Map(columns.rows.map((row) => [row.place, row]))
    )
  }

  close(): Promise<void> {
    return this.client.end()
  }

  async describe(text: string): Promise<Described> {
    const { fields, parameters } = await this.ask(text)
    return {
      parameters: parameters.map((oid) => this.types.get(oid)!),
      columns: fields.map(({ columnID, dataTypeID, name, tableID }) => ({
        name,
        type: this.types.get(dataTypeID)!,
        of: this.tableColumns.get(`${tableID}.${columnID}`)
      }))
    }
  }

  private ask(text: string) {
    let connection: pg.Connection | undefined
    let parameters: ReadonlyArray<number> = []
    let fields: ReadonlyArray<Field> = []
    const described = (message: { readonly dataTypeIDs: ReadonlyArray<number> }) => {
      parameters = message.dataTypeIDs
    }
    const asked = Promise.withResolvers<{
      readonly parameters: ReadonlyArray<number>
      readonly fields: ReadonlyArray<Field>
    }>()
    this.client.query(Object.assign(new pg.Query(""), {
      callback: () => {},
      submit: (wire: pg.Connection) => {
        connection = wire.on("parameterDescription", described)
        wire.stream.write(Buffer.concat([
          serialize.parse({ text }),
          serialize.describe({ type: "S" }),
          serialize.sync()
        ]))
      },
      handleRowDescription: (message: { readonly fields: ReadonlyArray<Field> }) => {
        fields = message.fields
      },
      handleError: (error: Error) => asked.reject(error),
      handleReadyForQuery: () => asked.resolve({ parameters, fields })
    }))
    return asked.promise.finally(() =>
      connection?.removeListener("parameterDescription", described)
    )
  }
}
