// SPDX-License-Identifier: GPL-3.0-or-later

/** Why signed samples, or what they are proven with, cannot be used. */
type SensorErrorCode =
  /** A sample is out of range, out of order, or not signed by the device. */
  | 'bad-sample'
  /** The tree lacks a device, or its key cannot sign. */
  | 'bad-device'
  /** The folder's circuit is another one, or incomplete. */
  | 'bad-circuit'

export class SensorError extends Error {
  override readonly name = 'SensorError'
  readonly code: SensorErrorCode
  /** sysexits.h: wrong data. */
  readonly exitCode = 65

  constructor(code: SensorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
