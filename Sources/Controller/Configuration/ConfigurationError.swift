// SPDX-License-Identifier: Apache-2.0

/// A place in the configuration file; line and column count from 1, columns in Unicode scalars.
public struct SourceLocation: Hashable, Sendable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) { (self.line, self.column) = (line, column) }

    public static func < (a: Self, b: Self) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// A value and where the file gives it.
public struct Located<Value: Hashable & Sendable>: Hashable, Sendable {
    public var value: Value
    public var location: SourceLocation

    public init(_ value: Value, at location: SourceLocation) { (self.value, self.location) = (value, location) }
}

/// All that is wrong with a configuration file, in the order of its lines. Nothing has been touched.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One thing that is wrong, and what would be right.
    public struct Complaint: Hashable, Sendable, CustomStringConvertible {
        public var file: String
        public var location: SourceLocation
        public var message: String

        public init(file: String, location: SourceLocation, message: String) {
            (self.file, self.location, self.message) = (file, location, message)
        }

        /// `node.yaml:12:7: …`, the form editors and compilers use.
        public var description: String { "\(file):\(location.line):\(location.column): \(message)" }
    }

    public var complaints: [Complaint]

    public init(complaints: [Complaint]) { self.complaints = complaints }

    public var description: String { complaints.map(\.description).joined(separator: "\n") }
}
