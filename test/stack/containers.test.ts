import * as fs from "node:fs"
import { join } from "node:path"
import type { NatsConnection } from "@nats-io/transport-node"
import { getContainerRuntimeClient } from "testcontainers"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Lastro, startLastro } from "../../src/house/lastro.ts"
import { attachStack } from "../../src/stack/attached.ts"
import { type ContainerStack, startContainers } from "../../src/stack/containers/stack.ts"
import { startEmbedded } from "../../src/stack/embedded.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { connect } from "../../src/store/database.ts"
import { testFolder } from "../support/lastro.ts"
import { buildImages, containersAnswer, images, removeImages } from "../support/localImages.ts"
import { connectAs } from "../support/machine.ts"
import { merchantScopes } from "../../src/domain/scope.ts"

/** The official images, or others, where the environment names them; else images built here. */
const given = process.env["LASTRO_NATS_IMAGE"] !== undefined
const environment = given ? process.env : {
  LASTRO_NATS_IMAGE: images.nats,
  LASTRO_POSTGRES_IMAGE: images.postgres
}
const answers = (given || process.platform === "linux") && await containersAnswer()

if (!answers) {
  test("servers in containers", ({ skip }) => {
    skip("no container runtime answers (or no Linux to make images from): start Docker to try it")
  })
}

describe.runIf(answers)("servers in containers", () => {
  const dataDir = testFolder("containers")
  let stack: ContainerStack
  let lastro: Lastro
  let key: string
  let paid: string
  const start = async () => {
    stack = await startContainers({ dataDir, environment, progress: () => {} })
    lastro = await startLastro({
      dataDir,
      port: 0,
      environment: {},
      progress: () => {},
      stack,
      log: () => {}
    })
  }
  beforeAll(async () => {
    if (!given) await buildImages()
    await start()
    const db = connect(stack.databaseUrl, 1)
    key = await createApiKey(db, { name: "acme", merchant: "acme", scopes: merchantScopes })
    await db.destroy()
  }, 600_000)
  afterAll(async () => {
    await lastro?.stop()
    await stack?.remove()
    if (!given) await removeImages()
    fs.rmSync(dataDir, { recursive: true, force: true })
  })

  const ask = async (path: string, body?: unknown) => {
    const answer = await fetch(lastro.edge.url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer ${key}`,
        "content-type": "application/json",
        "idempotency-key": path,
        prefer: "wait=20"
      },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    return (await answer.json()) as { id: string; status: string }
  }

  const ours = async () => {
    const { dockerode } = (await getContainerRuntimeClient()).container
    const all = await dockerode.listContainers({ all: true })
    return all.filter(({ Labels }) => Labels["lastro.folder"] !== undefined)
  }

  test("a payment is captured, and everything is published on 127.0.0.1 only", async () => {
    const payment = await ask("/v1/payments", {
      amount: 1_000,
      currency: "BRL",
      payment_method: { type: "card", token: "tok_approved" }
    })
    expect(payment).toMatchObject({ status: "captured" })
    paid = payment.id
    const containers = await ours()
    expect(containers).toHaveLength(2)
    const published = containers.flatMap(({ Ports }) => Ports)
      .filter(({ PublicPort }) => PublicPort !== undefined)
    expect(published.map(({ IP }) => IP)).toEqual(["127.0.0.1", "127.0.0.1", "127.0.0.1"])
  })

  test("a merchant gets a NATS user of its own while the server runs", async () => {
    const nc = await connectAs(stack as never, await stack.merchantCredentials("acme"))
    // A denial is told on the connection: servers name the subject that they mapped, not the one that was asked.
    const denied = denialOn(nc)
    nc.publish("lastro.payments.create.other", "{}")
    expect(await denied).toMatch(/permissions violation.*payments\.\d\.ingress\.create\.other/i)
    await nc.close()
  })

  test("operators' commands find it by its folder, and servers without containers stay away", async () => {
    const { databaseUrl, natsUrls } = attachStack(dataDir, {})
    expect({ databaseUrl, natsUrls }).toEqual({
      databaseUrl: stack.databaseUrl,
      natsUrls: stack.natsUrls
    })
    await expect(startEmbedded({ dataDir })).rejects.toThrow(/LASTRO_STACK=containers/)
  })

  test("stopped and started again it finds its data, and what a kill left is removed", async () => {
    await lastro.stop()
    await stack.stop()
    expect(await ours()).toEqual([])
    await start()
    expect(await ask(`/v1/payments/${paid}`)).toMatchObject({ status: "captured" })

    // A kill leaves the containers and the lock behind; a lock of a process that is gone is taken over.
    const left = (await ours()).map(({ Id }) => Id)
    await lastro.stop()
    fs.rmSync(join(dataDir, "lock"))
    lastro = await startLastro({
      dataDir,
      port: 0,
      environment: { ...environment, LASTRO_STACK: "containers" },
      progress: () => {},
      log: () => {}
    })
    expect((await ours()).filter(({ Id }) => left.includes(Id))).toEqual([])
    expect(await ask(`/v1/payments/${paid}`)).toMatchObject({ status: "captured" })
  }, 300_000)
})

const denialOn = async (nc: NatsConnection): Promise<string> => {
  for await (const status of nc.status()) {
    if (status.type === "error") return status.error.message
  }
  throw new Error("the connection ended")
}
