// deno run -A serve.ts <root>: the card simulator of a tree, then its own processor time
const root = process.argv[2]!
const { startSimulator } = await import(`${root}/src/simulators/card/server.ts`)
const sim = await startSimulator({ file: process.argv[3]! })
console.log(sim.url)
let before = process.cpuUsage()
process.stdin.on("data", (d: Buffer) => {
  if (String(d).includes("begin")) { before = process.cpuUsage(); console.log("begun") }
  else { const u = process.cpuUsage(before); console.log(`cpu ${u.user + u.system}`); process.exit(0) }
})
