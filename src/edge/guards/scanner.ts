import type { Guard } from "./knock.ts"

/** Programs that look for holes, by what they call themselves. */
const PROGRAMS =
  /\b(sqlmap|nikto|nessus|nuclei|masscan|zgrab|gobuster|dirbuster|dirb|feroxbuster|wpscan|acunetix|openvas|w3af|havij|jorgee|morfeus|netsparker|whatweb|zmeu)\b/i

/** What others have and this has not. Who asks for it knows nothing of this house. */
const ELSEWHERES =
  /^\/(\.(env|git|svn|hg|aws|ssh|ds_store)\b|wp-(admin|login|content|includes)|wordpress|phpmyadmin|pma\/|cgi-bin|xmlrpc|server-status|actuator|solr\/|jenkins|manager\/html|boaform|hudson|owa\/|autodiscover|vendor\/phpunit)|\.(php\d?|asp|aspx|jsp|cgi)$/i

/** Known scanners: they are told as little as there is to tell, and cost no look-up of a key. */
export const scanner: Guard = {
  name: "scanner",
  against: ({ path, userAgent }) =>
    PROGRAMS.test(userAgent)
      ? { code: "request_refused", detail: "this program is not let in" }
      : ELSEWHERES.test(path.split("?", 1)[0]!)
      ? { code: "route_not_found", detail: "there is nothing here" }
      : undefined
}
