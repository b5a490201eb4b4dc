// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Something that carries out SPI frames.
///
/// Laws:
/// - `exchange` carries out the frames in order, each exactly once, each in one assertion of the chip select, with at
///   least 20 ns between them, and fills `input`.
/// - When it throws, the first `completed` frames of the error were carried out; of the others nothing is known.
public protocol SPIDevice: AnyObject {
    /// For people: `/dev/spidev0.0 50 MHz`.
    var name: String { get }

    /// What fits into one go. A longer one is carried out as well, in several.
    var limits: SPILimits { get }

    func exchange(_ frames: inout SPIFrames) throws(SPIError)
}

/// A device whose clock can be set.
public protocol AdjustableSPIDevice: SPIDevice {
    var hertz: Int { get }
    func setSpeed(hertz: Int) throws(SPIError)
}

/// Frames that were not carried out as a whole.
public struct SPIError: Error, Hashable, Sendable {
    public var cause: BusError.Cause
    /// Frames at the front that are known to have been carried out.
    public var completed: Int

    public init(_ cause: BusError.Cause, completed: Int = 0) { (self.cause, self.completed) = (cause, completed) }
}

/// How much one go of an SPI device can carry.
public struct SPILimits: Hashable, Sendable {
    public var frames: Int
    public var bytes: Int
    /// What a frame takes of `bytes` is its length rounded up to a multiple of this.
    public var granule: Int

    public init(frames: Int, bytes: Int, granule: Int = 1) {
        (self.frames, self.bytes, self.granule) = (frames, bytes, max(1, granule))
    }

    func cost(_ length: Int) -> Int { (length + granule - 1) / granule * granule }

    /// Takes a frame off what is left; false, and nothing taken, if it does not fit.
    mutating func take(_ length: Int) -> Bool {
        let cost = cost(length)
        guard frames > 0, bytes >= cost else { return false }
        frames -= 1
        bytes -= cost
        return true
    }
}
