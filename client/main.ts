import { writeClient } from "./write.ts"

const folder = process.argv[2] ?? "client/generated"
await writeClient(folder)
console.log(
  `${folder}/schema.d.ts and ${folder}/client.ts are written; add the package openapi-fetch`
)
