/** Signs in with a key as a browser does, and answers what a browser and its page would know. */
export const signedIn = async (url: string, key: string) => {
  const answer = await fetch(`${url}/sign-in`, {
    method: "POST",
    redirect: "manual",
    headers: { "content-type": "application/x-www-form-urlencoded", origin: url },
    body: new URLSearchParams({ key, next: "/" })
  })
  const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? ""
  const page = await (await fetch(url, { headers: { cookie, accept: "text/html" } })).text()
  return {
    status: answer.status,
    cookie,
    csrf: /name="csrf" content="([^"]*)"/.exec(page)?.[1] ?? ""
  }
}
