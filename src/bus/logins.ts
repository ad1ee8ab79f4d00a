/**
 * The logins that NATS refuses to this process now. A connection that was lost comes back by itself; one
 * that is refused needs a person, so whoever is asked for this process's health has to say so.
 */
const refused = new Map<string, string>()

interface Login {
  readonly urls: ReadonlyArray<string>
  readonly user: string
}

const nameOf = ({ urls, user }: Login) => `${user} ${urls.join(",")}`

/** What a person reads: which servers, which user. */
export const refusalOf = ({ urls, user }: Login): string =>
  `NATS (${urls.join(", ")}) does not take the user ${user}: ` +
  "it is unknown there, or its password is another one"

export const loginRefused = (login: Login): void => {
  refused.set(nameOf(login), refusalOf(login))
}

export const loginTaken = (login: Login): void => {
  refused.delete(nameOf(login))
}

/** A sentence for each. */
export const refusedLogins = (): ReadonlyArray<string> => [...refused.values()]
