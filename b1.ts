import { startLastro } from "./src/cli/lastro.ts"
import { openLoad, measureThroughput } from "./src/cli/bench/load.ts"
const l = await startLastro({ dataDir: "./.lastro-test/bench1", port: 0, environment: {}, progress: () => {} })
await new Promise(r => setTimeout(r, 2000))
const load = await openLoad(l.stack, 64)
await load.publish(200)
await new Promise(r => setTimeout(r, 2000))
console.log("warm captured", load.captured())
for (const inFlight of [500, 2000, 6000]) console.log(inFlight, await measureThroughput(load, { seconds: Number(process.argv[2] ?? 10), inFlight }))
await load.close(); await l.stop(); 
process.exit()
