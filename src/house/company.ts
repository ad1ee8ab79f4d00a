import * as fs from "node:fs"
import type { CompanySettings } from "../edge/access/company.ts"
import { StackError } from "../stack/stack.ts"
import type { Environment } from "./environment.ts"

const ROLES_CLAIM_DEFAULT = "roles"

/** The company's OpenID provider, where one is named. */
export const companySettings = (environment: Environment): CompanySettings | undefined => {
  const issuer = environment["LASTRO_OIDC_ISSUER"] ?? ""
  if (issuer === "") return undefined
  const clientId = environment["LASTRO_OIDC_CLIENT_ID"] ?? ""
  const file = environment["LASTRO_OIDC_CLIENT_SECRET_FILE"] ?? ""
  if (clientId === "" || file === "") {
    throw new StackError(
      "LASTRO_OIDC_ISSUER needs LASTRO_OIDC_CLIENT_ID and LASTRO_OIDC_CLIENT_SECRET_FILE beside it."
    )
  }
  const clientSecret = fs.readFileSync(file, "utf8").trim()
  const rolesClaim = environment["LASTRO_OIDC_ROLES_CLAIM"] || ROLES_CLAIM_DEFAULT
  return { issuer, clientId, clientSecret, rolesClaim }
}
