// SPDX-License-Identifier: GPL-3.0-or-later
import { NetworkError } from './errors.ts'

/** Writes to the store. @throws NetworkError STORAGE for a full disk, and what else `body` throws. */
export async function storing(body: () => Promise<void>): Promise<void> {
  try {
    await body()
  } catch (cause) {
    // The file stores keep the system's error as text only: "Error: ENOSPC: no space left on device, write".
    const found = /\b(ENOSPC|EDQUOT|EFBIG)\b/.exec(
      `${(cause as NodeJS.ErrnoException).code} ${(cause as Error).message}`,
    )
    if (found === null) throw cause
    throw new NetworkError(
      'STORAGE',
      `no space for blobs in the data folder (${found[1]}): free some, the keeper retries`,
      { cause },
    )
  }
}
