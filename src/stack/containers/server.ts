import {
  GenericContainer,
  getContainerRuntimeClient,
  type StartedTestContainer
} from "testcontainers"
import { StackError } from "../stack.ts"

/** Says whose a container or a volume is: the data folder, hashed. */
const FOLDER = "lastro.folder"
/** Where ports are published and asked for, wherever this runs: testcontainers would guess by `/.dockerenv`. */
process.env["TESTCONTAINERS_HOST_OVERRIDE"] ??= "127.0.0.1"

/** A server has this long to write what it holds before it is ended. */
const STOP_MILLIS = 30_000

/**
 * One server in a container. Its ports are published on 127.0.0.1 only, and nobody but us cleans up
 * (no Ryuk): on stop, and what a kill left at the next start on the same folder.
 */
export class ServerContainer extends GenericContainer {
  constructor(image: string, folder: string) {
    super(image)
    this.withLabels({ [FOLDER]: folder }).withAutoCleanup(false)
  }

  withStopSignal(signal: string): this {
    this.createOpts.StopSignal = signal
    return this
  }

  protected override beforeContainerCreated(): Promise<void> {
    const bindings = Object.keys(this.hostConfig.PortBindings ?? {})
    this.hostConfig.PortBindings = Object.fromEntries(
      bindings.map((port) => [port, [{ HostIp: "127.0.0.1", HostPort: "0" }]])
    )
    return Promise.resolve()
  }

  override async start(): Promise<StartedTestContainer> {
    try {
      return await super.start()
    } catch (error) {
      throw new StackError(
        `the container of ${this.imageName.string} did not come up: ${firstLine(error)}`
      )
    }
  }
}

export const stopContainer = async (container: StartedTestContainer): Promise<void> => {
  await container.stop({ timeout: STOP_MILLIS, remove: true, removeVolumes: true }).catch(ifGone)
}

/** What somebody else removed already is as it should be. */
const ifGone = (error: { readonly statusCode?: number }): void => {
  if (error.statusCode !== 404) throw error
}

export const signalContainer = async (
  container: StartedTestContainer,
  signal: string
): Promise<void> => {
  const { dockerode } = (await runtime()).container
  await dockerode.getContainer(container.getId()).kill({ signal })
}

/** Containers of a start that was killed. Their data stays in its volumes. */
export const removeStale = async (folder: string): Promise<void> => {
  const { dockerode } = (await runtime()).container
  const left = await dockerode.listContainers({
    all: true,
    filters: { label: [`${FOLDER}=${folder}`] }
  })
  for (const { Id } of left) await dockerode.getContainer(Id).remove({ force: true, v: true })
}

/** The data of a folder's servers, once no container uses it. */
export const removeVolumes = async (names: ReadonlyArray<string>): Promise<void> => {
  const { dockerode } = (await runtime()).container
  for (const name of names) await dockerode.getVolume(name).remove()
}

const runtime = async () => {
  try {
    return await getContainerRuntimeClient()
  } catch (error) {
    throw new StackError(
      `no container runtime answers (${firstLine(error)}): start Docker, or set DOCKER_HOST, or ` +
        "leave LASTRO_STACK out for servers without containers."
    )
  }
}

const firstLine = (error: unknown): string =>
  String((error as Error).message ?? error).split("\n")[0]!
