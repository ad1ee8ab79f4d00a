import "./telemetry/fiberContext.ts"
import { runCommand } from "./cli/commands.ts"

process.exitCode = await runCommand(process.argv.slice(2), process.env)
// Idle pools and timers of libraries must not keep a finished command alive.
process.exit()
