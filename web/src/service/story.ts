// SPDX-License-Identifier: GPL-3.0-or-later
import type { Connection } from '../chain/connection.ts'
import { type Loaded, useLoaded } from '../ui/async.tsx'
import { type ServiceStory, tellStory } from './events.ts'

const told = new WeakMap<object, ServiceStory>()

/** The story of a service, told again when there is a new block. */
export function useStory(connection: Connection, address: string): Loaded<ServiceStory> {
  const { block } = connection.head.value
  return useLoaded(
    async () => {
      const history = connection.history(address)
      const changed = await history.step()
      const known = told.get(history)
      if (!changed && known !== undefined) return known
      const story = tellStory(history)
      told.set(history, story)
      return story
    },
    [address],
    block,
  )
}
