import type { Guard } from "./knock.ts"

/** Longer than any identifier makes one. */
const PATH_CHARACTERS_MAX = 8_000

/** Segments that mean another place than they stand at. */
const WINDING = /^(\.|%2e){1,2}$/i

const isNormal = (path: string): boolean =>
  path.startsWith("/") && path.length <= PATH_CHARACTERS_MAX &&
  path.split("/").slice(1).every((segment, at, all) =>
    segment === "" ? at === all.length - 1 : !WINDING.test(segment)
  )

/**
 * One address has one path. What would become another by taking dots and slashes out is nowhere: a proxy in
 * front may read it otherwise, and what it keeps away would be reached.
 */
export const path: Guard = {
  name: "path",
  against: ({ path }) =>
    isNormal(path.split("?", 1)[0]!)
      ? undefined
      : { code: "route_not_found", detail: "a path has no empty and no dotted parts" }
}
