// SPDX-License-Identifier: Apache-2.0
import CLinux
import FlowEngineRegisters
import Glibc

/// Clock polarity and phase. A Real-Time HAT takes mode 0: the clock rests low, data is taken at its rising edge. The others are for
/// wiring that turns the clock over on its way.
public enum SPIMode: UInt8, Hashable, Sendable, CaseIterable { case mode0, mode1, mode2, mode3 }

/// How a card's SPI is driven.
public struct SpidevConfiguration: Hashable, Sendable {
    /// The fastest clock the card takes, in hertz.
    public static let fastest = 50_000_000

    /// `/dev/spidev0.0`: bus and chip select.
    public var path: String
    /// Clock in hertz, at most `fastest`. The controller may round it down.
    public var hertz: Int
    public var mode: SPIMode
    /// Microseconds added behind each frame. The kernel itself leaves 10 between two chip selects (`cs_change` without a
    /// delay of its own, drivers/spi/spi.c), which is more than the 20 ns the card asks for, so that none are needed.
    public var delay: Int
    /// Where the kernel says how many bytes one transfer may have.
    public var bufferSizePath: String

    public init(
        path: String = "/dev/spidev0.0", hertz: Int = fastest, mode: SPIMode = .mode0, delay: Int = 0,
        bufferSizePath: String = "/sys/module/spidev/parameters/bufsiz"
    ) {
        (self.path, self.hertz, self.mode, self.delay) = (path, hertz, mode, delay)
        self.bufferSizePath = bufferSizePath
    }

    static let bitsPerWord: UInt8 = 8
}

/// A card behind `spidev(4)`: many frames in one `SPI_IOC_MESSAGE`, the chip select released between them.
///
/// It owns the device: a second one that asks is refused (`flock(2)`), because registers that are cleared by reading must
/// have one reader.
public final class SpidevDevice: AdjustableSPIDevice {
    private let configuration: SpidevConfiguration
    private let descriptor: FileDescriptor
    public private(set) var hertz: Int
    public private(set) var limits: SPILimits

    /// Opens and sets up the device: its mode, 8 bits a word.
    public init(_ configuration: SpidevConfiguration) throws(SPIError) {
        guard (0...Int(UInt16.max)).contains(configuration.delay) else {
            throw SPIError(
                .configuration("a delay of \(configuration.delay) µs between frames; it is 0 to \(UInt16.max) µs"))
        }
        try Self.check(hertz: configuration.hertz)
        let bufferSize = try Self.bufferSize(configuration.bufferSizePath)
        let number = clinux_spi_open(configuration.path)
        guard number >= 0 else { throw SPIError(.system(call: "open(\(configuration.path))", errno: -number)) }
        descriptor = FileDescriptor(owning: number)
        self.configuration = configuration
        hertz = configuration.hertz
        limits = SPILimits(frames: Int(clinux_spi_most_transfers()), bytes: bufferSize)
        do {
            try descriptor.lock(configuration.path)
        } catch {
            throw SPIError(error.cause)
        }
        try set("SPI_IOC_WR_MODE", clinux_spi_set_mode(number, configuration.mode.rawValue))
        try set("SPI_IOC_WR_BITS_PER_WORD", clinux_spi_set_bits_per_word(number, SpidevConfiguration.bitsPerWord))
        try set("SPI_IOC_WR_MAX_SPEED_HZ", clinux_spi_set_speed(number, UInt32(configuration.hertz)))
    }

    public var name: String {
        let mode = configuration.mode == .mode0 ? "" : " mode \(configuration.mode.rawValue)"
        return "\(configuration.path) \(Frequency(hertz))\(mode)"
    }

    public func setSpeed(hertz: Int) throws(SPIError) {
        try Self.check(hertz: hertz)
        try set("SPI_IOC_WR_MAX_SPEED_HZ", clinux_spi_set_speed(descriptor.number, UInt32(hertz)))
        self.hertz = hertz
    }

    public func exchange(_ frames: inout SPIFrames) throws(SPIError) {
        var sent = (frames: 0, bytes: 0)
        while sent.frames < frames.count {
            let part = part(of: frames, after: sent.frames)
            let result = frames.withBuffers { output, input, lengths in
                guard let output = output.baseAddress, let input = input.baseAddress, let lengths = lengths.baseAddress
                else { return Int32(0) }
                return clinux_spi_message(
                    descriptor.number, output + sent.bytes, input + sent.bytes, lengths + sent.frames,
                    UInt32(part.frames),
                    UInt32(hertz), UInt16(configuration.delay))
            }
            if result == -EMSGSIZE, limits.coarsen() { continue }
            guard result >= 0 else {
                throw SPIError(
                    .system(call: "ioctl(\(configuration.path), SPI_IOC_MESSAGE(\(part.frames)))", errno: -result),
                    completed: sent.frames)
            }
            guard result == part.bytes else {
                throw SPIError(
                    .peer("ioctl(\(configuration.path), SPI_IOC_MESSAGE) carried out \(result) of \(part.bytes) bytes"),
                    completed: sent.frames)
            }
            sent.frames += part.frames
            sent.bytes += part.bytes
        }
    }

    /// As many frames as one message takes.
    private func part(of frames: SPIFrames, after start: Int) -> (frames: Int, bytes: Int) {
        var room = limits
        var part = (frames: 0, bytes: 0)
        for length in frames.lengths[start...] {
            // A frame alone is tried in any case: the kernel says what is wrong with it.
            guard room.take(Int(length)) || part.frames == 0 else { break }
            part.frames += 1
            part.bytes += Int(length)
        }
        return part
    }

    private func set(_ request: String, _ result: Int32) throws(SPIError) {
        guard result >= 0 else {
            throw SPIError(.system(call: "ioctl(\(configuration.path), \(request))", errno: -result))
        }
    }

    private static func check(hertz: Int) throws(SPIError) {
        guard hertz > 0, hertz <= SpidevConfiguration.fastest else {
            throw SPIError(
                .configuration(
                    "an SPI clock of \(hertz) Hz; the card takes 1 Hz to \(Frequency(SpidevConfiguration.fastest))"))
        }
    }

    /// The kernel's own default, where it does not say (drivers/spi/spidev.c).
    private static let defaultBufferSize = 4096

    private static func bufferSize(_ path: String) throws(SPIError) -> Int {
        let text: String
        do {
            text = try SystemFile.text(path)
        } catch {
            if error.number == ENOENT { return defaultBufferSize }
            throw SPIError(error.cause)
        }
        guard let size = Int(text), size > 0 else {
            throw SPIError(.configuration("\(path) holds \"\(text)\", which is no number of bytes"))
        }
        return size
    }
}

extension SPILimits {
    /// Kernels since 5.9 give each frame room of its own for DMA (`ARCH_DMA_MINALIGN`: 8 bytes on x86, 64 on 32-bit Arm,
    /// 128 on 64-bit Arm) and count that against `bufsiz`. User space is not told; EMSGSIZE, before anything is sent,
    /// is how it shows. False if it cannot be that.
    mutating func coarsen() -> Bool {
        guard granule < 256 else { return false }
        granule = max(8, granule * 2)
        return true
    }
}

/// `50 MHz`, `1.5 MHz`, `400 kHz`, `12345 Hz`
struct Frequency: CustomStringConvertible {
    let hertz: Int
    init(_ hertz: Int) { self.hertz = hertz }

    var description: String {
        let (size, unit) = hertz >= 1_000_000 ? (1_000_000, "MHz") : hertz >= 1000 ? (1000, "kHz") : (1, "Hz")
        let thousandths = hertz % size * 1000 / size
        guard hertz % size * 1000 % size == 0 else { return "\(hertz) Hz" }
        guard thousandths > 0 else { return "\(hertz / size) \(unit)" }
        var digits = String(thousandths + 1000).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(hertz / size).\(digits) \(unit)"
    }
}
