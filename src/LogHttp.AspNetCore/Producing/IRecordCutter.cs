using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Producing;

/// <summary>Takes records one by one from the pieces of a body, which end anywhere. For one thread.</summary>
internal interface IRecordCutter : IDisposable
{
    /// <summary>The bytes held of a record that has not ended yet.</summary>
    int CarriedBytes { get; }

    /// <summary>The memory it takes.</summary>
    int HeldBytes { get; }

    /// <summary>The fault of the body outside of its records. Null if it has none.</summary>
    Problem? Fault => null;

    /// <summary>Returns the next record. If there is none, keeps the rest of the piece.</summary>
    /// <param name="rest">The piece, behind the last record.</param>
    /// <param name="record">Valid until the next call.</param>
    bool TryTake(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> record);

    /// <summary>Returns the record that ends with the body. Call it when there are no more pieces.</summary>
    bool TryTakeLast(out ReadOnlySpan<byte> record);

    /// <summary>Returns the memory, unless it has the beginning of a record. Ends the last record's validity.</summary>
    void ReleaseUnused();

    /// <summary>The same problem, at a record of the body.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="number">The record's number, from 1 on.</param>
    Problem At(Problem problem, long number) => problem.AtLine(number);
}
