import { hash } from "node:crypto"
import { DatabaseSync } from "node:sqlite"
import { dynamicBrCode } from "../../domain/brCode.ts"

export interface Return {
  readonly id: string
  readonly rtrId: string
  readonly valor: string
  readonly horario: { readonly solicitacao: string; readonly liquidacao?: string }
  readonly status: "EM_PROCESSAMENTO" | "DEVOLVIDO" | "NAO_REALIZADO"
  /** Left out: the receiver asked for it. */
  readonly natureza?: "MED_OPERACIONAL" | "MED_FRAUDE"
}

export interface Received {
  readonly endToEndId: string
  readonly txid: string
  readonly chave: string
  readonly valor: string
  readonly horario: string
  readonly devolucoes?: ReadonlyArray<Return>
}

export interface Charge {
  readonly txid: string
  readonly revisao: number
  readonly calendario: Readonly<Record<string, string | number>>
  readonly status: "ATIVA" | "CONCLUIDA" | "REMOVIDA_PELO_USUARIO_RECEBEDOR"
  readonly valor: { readonly original: string }
  readonly chave: string
  readonly location: string
  readonly pixCopiaECola: string
  readonly devedor?: unknown
  /** Only charges with a due date tell who is paid. */
  readonly recebedor?: typeof RECEIVER
  readonly pix?: ReadonlyArray<Received>
}

const RECEIVER = {
  nome: "Lastro Demo",
  cnpj: "11222333000181",
  logradouro: "Rua da Moeda 1",
  cidade: "Recife",
  uf: "PE",
  cep: "50030040"
} as const

type Kind = "cob" | "cobv" | "pix"

/** The simulated bank's accounts, in a file of its own: it does not forget because we were killed. */
export class Bank {
  private readonly db: DatabaseSync

  constructor(file: string) {
    this.db = new DatabaseSync(file)
    this.db.exec(`
      pragma journal_mode = wal;
      pragma synchronous = off;
      create table if not exists docs (
        kind text not null, id text not null, doc text not null, primary key (kind, id)
      ) without rowid;
    `)
  }

  private get<A>(kind: Kind, id: string): A | undefined {
    const row = this.db.prepare("select doc from docs where kind = ? and id = ?").get(kind, id)
    return row && JSON.parse((row as { doc: string }).doc)
  }

  private put(kind: Kind, id: string, doc: unknown): void {
    this.db.prepare("insert or replace into docs values (?, ?, ?)")
      .run(kind, id, JSON.stringify(doc))
  }

  charge(kind: "cob" | "cobv", txid: string): Charge | undefined {
    return this.get(kind, txid)
  }

  pix(endToEndId: string): Received | undefined {
    return this.get("pix", endToEndId)
  }

  /** All that was received, in no order that means anything. */
  received(): ReadonlyArray<Received> {
    return this.db.prepare("select doc from docs where kind = 'pix'").all()
      .map((row) => JSON.parse((row as { doc: string }).doc))
  }

  open(
    kind: "cob" | "cobv",
    txid: string,
    asked: Pick<Charge, "calendario" | "chave" | "valor" | "devedor">
  ): Charge {
    const location = `pix.bank.example/${kind}/${hash("sha256", txid, "hex").slice(0, 24)}`
    const charge: Charge = {
      ...asked,
      txid,
      revisao: 0,
      calendario: { ...asked.calendario, criacao: new Date().toISOString() },
      status: "ATIVA",
      location,
      pixCopiaECola: dynamicBrCode({ name: RECEIVER.nome, city: RECEIVER.cidade, location }),
      ...(kind === "cobv" && { recebedor: RECEIVER })
    }
    this.put(kind, txid, charge)
    return charge
  }

  remove(kind: "cob" | "cobv", charge: Charge): Charge {
    const removed: Charge = {
      ...charge,
      revisao: charge.revisao + 1,
      status: "REMOVIDA_PELO_USUARIO_RECEBEDOR"
    }
    this.put(kind, charge.txid, removed)
    return removed
  }

  /** A payer read the code and paid. A charge is paid once; expired ones are not. */
  pay(txid: string, valor?: string): Received | undefined {
    const kind = this.charge("cob", txid) === undefined ? "cobv" : "cob"
    const charge = this.charge(kind, txid)
    if (charge?.status !== "ATIVA") return undefined
    const { criacao, expiracao } = charge.calendario
    if (
      expiracao !== undefined &&
      Date.now() > Date.parse(String(criacao)) + Number(expiracao) * 1_000
    ) {
      return undefined
    }
    const horario = new Date().toISOString()
    const minute = horario.slice(0, 16).replaceAll(/\D/g, "")
    const received: Received = {
      endToEndId: `E00000000${minute}${hash("sha256", txid, "hex").slice(0, 11)}`,
      txid,
      chave: charge.chave,
      valor: valor ?? charge.valor.original,
      horario
    }
    this.put("pix", received.endToEndId, received)
    this.put(kind, txid, { ...charge, status: "CONCLUIDA", pix: [received] })
    return received
  }

  /** A return under an id happens once; the sum of all is at most what was received. */
  giveBack(
    received: Received,
    id: string,
    valor: string,
    status: Return["status"],
    natureza?: Return["natureza"]
  ): Return | "too much" {
    const { devolucoes = [], endToEndId } = received
    const cents = (text: string) => Number(text.replace(".", ""))
    const before = devolucoes.filter((one) => one.status !== "NAO_REALIZADO")
      .reduce((sum, one) => sum + cents(one.valor), 0)
    if (before + cents(valor) > cents(received.valor)) return "too much"
    const now = new Date().toISOString()
    const made: Return = {
      id,
      rtrId: `D00000000${now.slice(0, 16).replaceAll(/\D/g, "")}${
        hash("sha256", endToEndId + id, "hex").slice(0, 11)
      }`,
      valor,
      horario: { solicitacao: now, ...(status === "DEVOLVIDO" && { liquidacao: now }) },
      status,
      ...(natureza !== undefined && { natureza })
    }
    this.put("pix", endToEndId, { ...received, devolucoes: [...devolucoes, made] })
    return made
  }

  settle(endToEndId: string, id: string, status: Return["status"]): Received {
    const received = this.pix(endToEndId)!
    const settled = {
      ...received,
      devolucoes: received.devolucoes!.map((one) => one.id === id ? { ...one, status } : one)
    }
    this.put("pix", endToEndId, settled)
    return settled
  }

  close(): void {
    this.db.close()
  }
}
