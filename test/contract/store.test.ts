import { Effect, Layer, ManagedRuntime } from "effect"
import { sql } from "kysely"
import type { ActorWrites } from "../simulation/model/store.ts"
import { asStatements, Store, turnStoreOf } from "../simulation/model/store.ts"
import { Database } from "../../src/store/database.ts"
import { TurnStore } from "../../src/store/turnStore.ts"
import { Process } from "../simulation/kernel.ts"
import { SHORT_WIRE } from "../simulation/model/client.ts"
import { realTime } from "../simulation/model/realTime.ts"
import { startMachine } from "../support/machine.ts"
import { storeContract } from "./store.cases.ts"

storeContract("PostgreSQL", async () => {
  const machine = await startMachine()
  await machine.rows("create table contract_lines (line text check (line <> ''))")
  const runtime = ManagedRuntime.make(
    Layer.provide(TurnStore.layer, Database.layerOf(machine.databaseUrl, 2))
  )
  return {
    store: await runtime.runPromise(Effect.service(TurnStore)),
    save: (line) => () => [sql`insert into contract_lines (line) values (${line})`],
    saved: async () =>
      (await machine.rows("select line from contract_lines")).map(({ line }) => line),
    stop: async () => {
      await runtime.dispose()
      await machine.stop()
    }
  }
})

storeContract("the model", () => {
  const store = new Store()
  return Promise.resolve({
    store: turnStoreOf(store, realTime, new Process("p1"), SHORT_WIRE),
    save: (line) => () => {
      const rows = [{ row: line }] as unknown as ActorWrites["rows"]
      const refused = line === "" ? "a line is not empty" : undefined
      return asStatements({ family: "contract", writes: { states: [], rows }, refused })
    },
    saved: () => Promise.resolve((store.rows.get("contract") ?? []).map(({ row }) => String(row))),
    stop: () => Promise.resolve()
  })
})
