using System.ComponentModel.DataAnnotations;
using LogHttp.Storage;
using Microsoft.AspNetCore.Mvc;

namespace LogHttp.AspNetCore.Contract;

/// <summary>The parameter that all operations on a topic have.</summary>
internal interface ITopicPath
{
    /// <summary>The topic's name. `.` and `..` are not allowed.</summary>
    /// <example>orders</example>
    [FromRoute, Length(1, TopicName.MaxLength), RegularExpression("^[A-Za-z0-9._-]+$")]
    string Topic { get; }
}
