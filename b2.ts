import { startLastro } from "./src/cli/lastro.ts"
import { openLoad, measureThroughput } from "./src/cli/bench/load.ts"
import { query } from "./test/support/query.ts"
import { registry } from "./src/telemetry/metrics.ts"
import fs from "node:fs"
const cpu = () => { const r: Record<string, number> = {}; for (const p of fs.readdirSync("/proc")) if (/^\d+$/.test(p)) try { const s = fs.readFileSync(`/proc/${p}/stat`, "utf8"); const n = s.slice(s.indexOf("(")+1, s.lastIndexOf(")")); const f = s.slice(s.lastIndexOf(")")+2).split(" "); r[n] = (r[n] ?? 0) + (Number(f[11])+Number(f[12]))/100 } catch {} ; return r }
const l = await startLastro({ dataDir: "./.lastro-test/bench1", port: 0, environment: {}, progress: () => {}, log: (x) => console.log(x.slice(0,300)) })
await new Promise(r => setTimeout(r, 2000))
const load = await openLoad(l.stack, 64)
await load.publish(200)
await new Promise(r => setTimeout(r, 2000))
for (const inFlight of (process.argv[3] ?? "500,2000,6000").split(",").map(Number)) {
  await query(l.stack.databaseUrl, "create table if not exists mark as select now() as t"); await query(l.stack.databaseUrl, "update mark set t = now()")
  const c0 = cpu()
  const r = await measureThroughput(load, { seconds: Number(process.argv[2] ?? 10), inFlight })
  console.log(inFlight, Math.round(r.perSecond), "/s", r.payments)
  const c1 = cpu(); console.log(Object.entries(c1).map(([k,v]) => [k, v-(c0[k]??0)] as const).filter(([,v])=>v>0.5).sort((a,b)=>b[1]-a[1]).map(([k,v])=>`${k}:${v.toFixed(1)}s`).join(" "), "of", (r.seconds*2).toFixed(0))
  for (const x of await query(l.stack.databaseUrl, "select family, count(*) turns, round(avg(messages),1) m, max(messages) mx, sum(messages) n from turns where committed_at > (select t from mark) group by family")) console.log(JSON.stringify(x))
}
const m = await registry.metrics(); console.log(m.split("\n").filter(x => /outbound_calls|fences|_seconds_(sum|count)/.test(x) && !x.startsWith("#")).join("\n"))
await load.close(); await l.stop(); process.exit()
