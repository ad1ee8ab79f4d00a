import { hash } from "node:crypto"
import { DatabaseSync } from "node:sqlite"
import { dynamicBrCode } from "../../domain/brCode.ts"
import { endInBrazil } from "../../domain/day.ts"
import { millisOf } from "../../domain/moment.ts"

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

export interface PaidHow {
  readonly valor?: string
  readonly anyway?: boolean
}

const isPayable = ({ calendario, status }: Charge): boolean => {
  const { criacao, dataDeVencimento, expiracao, validadeAposVencimento = 30 } = calendario
  const [from, lives] = dataDeVencimento === undefined
    ? [millisOf(String(criacao))!, Number(expiracao) * 1_000]
    : [endInBrazil(String(dataDeVencimento))!, Number(validadeAposVencimento) * 86_400_000]
  return status === "ATIVA" && Date.now() <= from + lives
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

  anyCharge(txid: string): Charge | undefined {
    return this.charge("cob", txid) ?? this.charge("cobv", txid)
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

  /** What the receiver changes of a charge that waits: its next revision, or its end. */
  revise(kind: "cob" | "cobv", charge: Charge, changes: Partial<Charge>): Charge {
    const { calendario } = charge
    const revised: Charge = {
      ...charge,
      ...changes,
      calendario: { ...calendario, ...changes.calendario },
      revisao: charge.revisao + 1
    }
    this.put(kind, charge.txid, revised)
    return revised
  }

  /**
   * A payer read the code and paid. A charge is paid once, while it can be; `anyway` is money that was on
   * its way before the charge was paid, removed or over, and comes all the same.
   */
  pay(txid: string, { anyway = false, valor }: PaidHow = {}): Received | undefined {
    const kind = this.charge("cob", txid) === undefined ? "cobv" : "cob"
    const charge = this.anyCharge(txid)
    if (charge === undefined || !(anyway || isPayable(charge))) return undefined
    const before = charge.pix ?? []
    const horario = new Date().toISOString()
    const minute = horario.slice(0, 16).replaceAll(/\D/g, "")
    const received: Received = {
      endToEndId: `E00000000${minute}${hash("sha256", txid + before.length, "hex").slice(0, 11)}`,
      txid,
      chave: charge.chave,
      valor: valor ?? charge.valor.original,
      horario
    }
    this.put("pix", received.endToEndId, received)
    // One that was removed stays so.
    const status = charge.status === "ATIVA" ? "CONCLUIDA" : charge.status
    this.put(kind, txid, { ...charge, status, pix: [...before, received] })
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
