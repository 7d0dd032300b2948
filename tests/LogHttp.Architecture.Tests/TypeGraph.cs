using Mono.Cecil;
using Mono.Cecil.Cil;

namespace LogHttp.Architecture.Tests;

/// <summary>
/// The types that each type of a compiled assembly names, of this and of other LogHttp assemblies. Nested types count
/// as the type around them. Constants leave no trace in an assembly.
/// </summary>
internal static class TypeGraph
{
    /// <summary>Every pair of a type and another one that it names, by full name.</summary>
    public static IReadOnlySet<(string From, string To)> Read(AssemblyDefinition assembly)
    {
        var uses = new HashSet<(string, string)>();
        foreach (var type in assembly.MainModule.GetTypes())
        {
            var from = Outermost(type).FullName;
            foreach (var reference in ReferencesOf(type))
            {
                foreach (var named in Parts(reference))
                {
                    var to = Outermost(named);
                    if (to.FullName != from && IsOurs(to))
                        uses.Add((from, to.FullName));
                }
            }
        }
        return uses;
    }

    static bool IsOurs(TypeReference type) => type.Namespace.StartsWith("LogHttp", StringComparison.Ordinal);

    static TypeReference Outermost(TypeReference type)
    {
        while (type.DeclaringType is { } declaring)
            type = declaring;
        return type;
    }

    /// <summary>The types that a reference consists of: a list of arrays of records names three.</summary>
    static IEnumerable<TypeReference> Parts(TypeReference? reference)
    {
        switch (reference)
        {
            case null or GenericParameter:
                yield break;
            case GenericInstanceType generic:
                foreach (var part in generic.GenericArguments.SelectMany(Parts).Concat(Parts(generic.ElementType)))
                    yield return part;
                break;
            case IModifierType modified:
                foreach (var part in Parts(modified.ModifierType).Concat(Parts(modified.ElementType)))
                    yield return part;
                break;
            case FunctionPointerType pointer:
                foreach (var part in TypesOf(pointer).SelectMany(Parts))
                    yield return part;
                break;
            case TypeSpecification specification:
                foreach (var part in Parts(specification.ElementType))
                    yield return part;
                break;
            default:
                yield return reference;
                break;
        }
    }

    static IEnumerable<TypeReference?> ReferencesOf(TypeDefinition type) =>
        [
            type.BaseType,
            .. type.Interfaces.Select(static implemented => implemented.InterfaceType),
            .. AttributesOf(type),
            .. ConstraintsOf(type),
            .. type.Fields.SelectMany(static field => AttributesOf(field).Prepend(field.FieldType)),
            .. type.Properties.SelectMany(AttributesOf),
            .. type.Methods.SelectMany(ReferencesOf),
        ];

    static IEnumerable<TypeReference?> ReferencesOf(MethodDefinition method)
    {
        IEnumerable<TypeReference?> signature =
        [
            .. TypesOf(method),
            .. AttributesOf(method),
            .. ConstraintsOf(method),
            .. method.Overrides.Select(static overridden => overridden.DeclaringType),
        ];
        if (!method.HasBody)
            return signature;
        return
        [
            .. signature,
            .. method.Body.Variables.Select(static variable => variable.VariableType),
            .. method.Body.ExceptionHandlers.Select(static handler => handler.CatchType),
            .. method.Body.Instructions.SelectMany(ReferencesOf),
        ];
    }

    static IEnumerable<TypeReference?> ReferencesOf(Instruction instruction) =>
        instruction.Operand switch
        {
            TypeReference type => [type],
            FieldReference field => [field.DeclaringType, field.FieldType],
            GenericInstanceMethod method => [method.DeclaringType, .. TypesOf(method), .. method.GenericArguments],
            MethodReference method => [method.DeclaringType, .. TypesOf(method)],
            _ => [],
        };

    static IEnumerable<TypeReference?> TypesOf(IMethodSignature method) =>
        method.Parameters.Select(static parameter => parameter.ParameterType).Prepend(method.ReturnType);

    static IEnumerable<TypeReference?> AttributesOf(ICustomAttributeProvider provider) =>
        provider.CustomAttributes.Select(static attribute => attribute.AttributeType);

    static IEnumerable<TypeReference?> ConstraintsOf(IGenericParameterProvider provider) =>
        provider.GenericParameters.SelectMany(static parameter =>
            parameter.Constraints.Select(static constraint => constraint.ConstraintType)
        );
}
