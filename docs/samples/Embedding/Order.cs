namespace Embedding;

/// <summary>An order, the value of a record.</summary>
public sealed record Order(string Customer, decimal Total);
