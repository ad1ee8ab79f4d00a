import "./telemetry/fiberContext.ts"
import { isServing, runCommand } from "./cli/commands.ts"
import { tellUnforeseen } from "./house/unforeseen.ts"
import { toStderr } from "./telemetry/logs.ts"

tellUnforeseen(isServing, toStderr)

process.exitCode = await runCommand(process.argv.slice(2), process.env)
// Idle pools and timers of libraries must not keep a finished command alive.
process.exit()
