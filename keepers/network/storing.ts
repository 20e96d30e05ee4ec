// SPDX-License-Identifier: GPL-3.0-or-later
import { NetworkError } from './errors.ts'

/** Runs `body`, which writes to the file stores. @throws NetworkError STORAGE when there is no space, and whatever else `body` throws. */
export async function storing(body: () => Promise<void>): Promise<void> {
  try {
    await body()
  } catch (cause) {
    // The file stores keep the system's error as text only: "Error: ENOSPC: no space left on device, write".
    const found = /\b(ENOSPC|EDQUOT|EFBIG)\b/.exec(
      `${(cause as NodeJS.ErrnoException).code} ${(cause as Error).message}`,
    )
    if (found === null) throw cause
    const text = `no space for blobs in the data folder (${found[1]}): free some, the keeper retries`
    throw new NetworkError('STORAGE', text, { cause })
  }
}
