import { documentTable } from "../../src/runtime/documentTable.ts"
import { Profile } from "./state.ts"

export const { load, save } = documentTable("fraud_profiles", Profile)
