import type { ClusterStack } from "../../stack/cluster.ts"
import type { ChaosHouse } from "./house.ts"
import { wire, type Wiring } from "./wiring.ts"
import type { Crash, WorkerProcess } from "./workers.ts"

interface Place {
  readonly wiring: Wiring
  worker: WorkerProcess
}

/** A fixed number of places for workers; in each one works, and when it ends another one may. */
export class Crew {
  private readonly house: ChaosHouse
  private readonly places: ReadonlyArray<Place>

  private constructor(house: ChaosHouse, places: ReadonlyArray<Place>) {
    this.house = house
    this.places = places
  }

  static async hire(house: ChaosHouse, cluster: ClusterStack, workers: number): Promise<Crew> {
    const places: Array<Place> = []
    for (let index = 0; index < workers; index++) {
      const wiring = await wire(cluster)
      places.push({ wiring, worker: house.work({ stack: wiring.stack }) })
    }
    return new Crew(house, places)
  }

  worker(place: number): WorkerProcess {
    return this.places[place]!.worker
  }

  wiring(place: number): Wiring {
    return this.places[place]!.wiring
  }

  /** Somebody new, where the former one ended or is about to. */
  replace(place: number, crash?: Crash): WorkerProcess {
    const { wiring } = this.places[place]!
    const worker = this.house.work({ stack: wiring.stack, ...(crash && { crash }) })
    this.places[place]!.worker = worker
    return worker
  }

  /** Connections that ended because a fault said so. */
  cuts(): number {
    return this.places.reduce((sum, { wiring }) => sum + wiring.cuts(), 0)
  }

  async dismiss(): Promise<void> {
    for (const { worker } of this.places) worker.signal("SIGKILL")
    await Promise.all(this.places.map(({ worker }) => worker.ended))
    await Promise.all(this.places.map(({ wiring }) => wiring.close()))
  }
}
