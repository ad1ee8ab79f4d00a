import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { getContainerRuntimeClient } from "testcontainers"
import { natsServerBinary } from "../../src/stack/natsBinary.ts"
import { placeBinaries } from "../../src/stack/postgresBinaries.ts"
import { testFolder } from "./lastro.ts"

const run = promisify(execFile)

/** Images of this machine's own servers, for where the official ones cannot be pulled. */
export const images = { nats: "lastro-test/nats:local", postgres: "lastro-test/postgres:local" }

/** As much of the official image's way to start as we rely on: its variables, its user, its first run. */
const ENTRYPOINT = `#!/bin/sh
set -e
as() { setpriv --reuid=999 --regid=999 --clear-groups "$@"; }
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA" && chown 999:999 "$PGDATA"
  printf '%s' "$POSTGRES_PASSWORD" > /password && chown 999:999 /password
  as initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile=/password $POSTGRES_INITDB_ARGS
  rm /password
  printf 'host all all all scram-sha-256\\n' >> "$PGDATA/pg_hba.conf"
fi
exec setpriv --reuid=999 --regid=999 --clear-groups "$@" -c listen_addresses='*'
`

/** Whether Docker, or something like it, is there to be used. */
export const containersAnswer = async (): Promise<boolean> => {
  try {
    await getContainerRuntimeClient()
    return true
  } catch {
    return false
  }
}

export const buildImages = async (): Promise<void> => {
  const folder = testFolder("images")
  try {
    const nats = await natsServerBinary(() => {})
    await build(join(folder, "nats"), images.nats, [nats], async (root) => {
      await fs.promises.copyFile(nats, join(root, "nats-server"))
      return ['ENTRYPOINT ["/nats-server"]']
    })
    const bin = await placeBinaries(process.getuid?.() === 0, () => {})
    const tools = ["sh", "setpriv", "mkdir", "chown", "rm"]
    const found = await Promise.all(tools.map(async (tool) => (await which(tool)).trim()))
    const needed = [...found, join(bin, "postgres"), join(bin, "initdb")]
    await build(join(folder, "postgres"), images.postgres, needed, async (root) => {
      for (const [index, tool] of tools.entries()) {
        await fs.promises.copyFile(found[index]!, join(root, "bin", tool))
      }
      fs.cpSync(join(bin, ".."), join(root, "postgres"), {
        recursive: true,
        verbatimSymlinks: true
      })
      fs.writeFileSync(join(root, "entrypoint"), ENTRYPOINT, { mode: 0o755 })
      return [
        "ENV PATH=/postgres/bin:/bin",
        'ENTRYPOINT ["/bin/sh", "/entrypoint"]',
        'CMD ["postgres"]'
      ]
    })
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

export const removeImages = async (): Promise<void> => {
  const { dockerode } = (await getContainerRuntimeClient()).container
  for (const name of Object.values(images)) {
    await dockerode.getImage(name).remove({ force: true }).catch(() => {})
  }
}

const which = async (tool: string): Promise<string> =>
  (await run("sh", ["-c", `readlink -f "$(command -v ${tool})"`])).stdout

/** A root folder with the libraries that some binaries need, and what `fill` puts there. */
const build = async (
  root: string,
  name: string,
  binaries: ReadonlyArray<string>,
  fill: (root: string) => Promise<ReadonlyArray<string>>
): Promise<void> => {
  for (const sub of ["bin", "etc", "tmp"]) fs.mkdirSync(join(root, sub), { recursive: true })
  fs.writeFileSync(
    join(root, "etc", "passwd"),
    "root:x:0:0::/:/bin/sh\npostgres:x:999:999::/tmp:/bin/sh\n"
  )
  for (const library of await librariesOf(binaries)) {
    await run("cp", ["-L", "--parents", library, root])
  }
  const changes = await fill(root)
  await fs.promises.chmod(join(root, "tmp"), 0o1777)
  await run("tar", ["-C", root, "-cf", `${root}.tar`, "."])
  const [repo, tag] = name.split(":")
  const { dockerode } = (await getContainerRuntimeClient()).container
  const progress = await dockerode.importImage(`${root}.tar`, { repo, tag, changes })
  await new Promise<void>((resolve, reject) => {
    progress.on("error", reject)
    progress.on("end", resolve)
    progress.resume()
  })
}

/** What the loader needs of this machine; what lies beside a binary is copied with it. */
const librariesOf = async (binaries: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const found = new Set<string>()
  for (const binary of binaries) {
    const { stdout } = await run("ldd", [binary])
    for (const [, path] of stdout.matchAll(/\s(\/(?:usr\/)?lib\S*)/g)) found.add(path!)
  }
  return [...found]
}
