/**
 * To be imported before `effect`: under Deno its fibers carry no async context.
 *
 * Effect keeps an `AsyncResource` for every pause of a fiber, so that an `AsyncLocalStorage` is found
 * again behind it. Deno's (2.9) holds the one before it, and so the whole chain back to the first: a
 * process that only waits for messages lost some 50 KB a second. Nothing here uses such a storage; traces
 * travel in the messages.
 */
if ("Deno" in globalThis) {
  const builtin = process.getBuiltinModule
  process.getBuiltinModule = ((id: string) =>
    id === "node:async_hooks" ? undefined : builtin(id)) as typeof builtin
}
