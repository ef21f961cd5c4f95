package emit

import (
	. "github.com/dave/jennifer/jen" //nolint:revive,staticcheck // the emitters read as the Go they print

	"github.com/closekit/closekit/generator/internal/ir"
)

const closeapiPath = rootPath + "/closeapi"

// orgFile starts a file of the package of an organization.
func orgFile(o *ir.Organization) *File {
	f := newFile(o.ImportPath, o.Package, "a lock file")
	f.ImportName(closeapiPath, "closeapi")
	return f
}

// OrganizationDoc prints doc.go: the package comment, and what reads values.
func OrganizationDoc(o *ir.Organization) ([]byte, error) {
	f := orgFile(o)
	for i, para := range o.Doc {
		if i > 0 {
			f.PackageComment("//")
		}
		for _, l := range wrap(para, width) {
			f.PackageComment("// " + l)
		}
	}
	used := map[string]bool{}
	for i := range o.Kinds {
		for j := range o.Kinds[i].Fields {
			used[reader(&o.Kinds[i].Fields[j])] = true
		}
	}
	head := func(name, typ string, result *Statement) *Statement {
		s := Func().Id(name)
		if typ != "" {
			s = s.Types(Id(typ).Op("~").String())
		}
		return s.Params(Id("fields").Qual(rootPath, "CustomFields"), Id("id").String()).Params(Id("value").Add(result), Id("ok").Bool())
	}
	get := List(Id("v"), Id("_")).Op(":=").Id("fields").Dot("Get").Call(Id("id"))
	if used["text"] {
		f.Add(head("text", "T", Id("T")).Block(
			get.Clone(),
			List(Id("s"), Id("ok")).Op(":=").Id("v").Dot("Text").Call(),
			Return(Id("T").Call(Id("s")), Id("ok")),
		))
		f.Line()
	}
	if used["number"] {
		f.Add(head("number", "", Float64()).Block(get.Clone(), Return(Id("v").Dot("Number").Call())))
		f.Line()
	}
	if used["texts"] {
		f.Add(head("texts", "T", Index().Id("T")).Block(
			get.Clone(),
			List(Id("list"), Id("ok")).Op(":=").Id("v").Dot("Texts").Call(),
			For(List(Id("_"), Id("s")).Op(":=").Range().Id("list")).Block(Id("value").Op("=").Append(Id("value"), Id("T").Call(Id("s")))),
			Return(Id("value"), Id("ok")),
		))
	}
	return render(f)
}

// Constants prints constants.go: ids of statuses, pipelines and users.
func Constants(o *ir.Organization) ([]byte, error) {
	f := orgFile(o)
	for i := range o.Groups {
		g := &o.Groups[i]
		var defs []Code
		for _, c := range g.Consts {
			def := Id(c.Name)
			if g.Type != "" {
				def = def.Qual(closeapiPath, g.Type)
			}
			defs = append(defs, def.Op("=").Lit(c.Value).Comment("// "+c.Doc))
		}
		f.Add(doc(g.Doc))
		f.Add(Const().Defs(defs...))
		f.Line()
	}
	return render(f)
}

// reader is the function that reads the values of a field.
func reader(c *ir.CustomField) string {
	switch {
	case c.Form == ir.AnyForm:
		return ""
	case c.Several:
		return "texts"
	case c.Form == ir.NumberForm:
		return "number"
	}
	return "text"
}

// valueType is the type of one value of a field.
func valueType(c *ir.CustomField) *Statement {
	switch c.Form {
	case ir.NumberForm:
		return Float64()
	case ir.DateForm:
		return Qual(rootPath, "Date")
	case ir.DateTimeForm:
		return Qual(rootPath, "DateTime")
	case ir.ChoiceForm:
		return Id(c.Type)
	case ir.UserForm:
		return Qual(closeapiPath, "UserID")
	case ir.ContactForm:
		return Qual(closeapiPath, "ContactID")
	case ir.AnyForm:
		return Qual(rootPath, "CustomValue")
	case ir.TextForm:
	}
	return String()
}

// customValue makes the value that is sent of a variable.
func customValue(c *ir.CustomField, name string) *Statement {
	switch c.Form {
	case ir.AnyForm:
		return Id(name)
	case ir.NumberForm:
		return Qual(rootPath, "CustomNumber").Call(Id(name))
	case ir.TextForm, ir.DateForm, ir.DateTimeForm, ir.ChoiceForm, ir.UserForm, ir.ContactForm:
	}
	return Qual(rootPath, "CustomText").Call(Id(name))
}

// Fields prints the file of one kind of records:
//
//	func Lead(l *closeapi.Lead) LeadFields
//	func (f LeadFields) Industry() (value LeadIndustry, ok bool)
//	func SetLead(fields *closekit.CustomFields) LeadSetter
//	func (s LeadSetter) Industry(v LeadIndustry) LeadSetter
func Fields(o *ir.Organization, k *ir.FieldKind) ([]byte, error) {
	f := orgFile(o)
	f.Anon("embed")
	fields, setter := k.Name+"Fields", k.Name+"Setter"
	if k.Record {
		f.Add(doc(k.Name + " returns the custom fields of a record."))
		f.Add(Func().Id(k.Name).Params(Id("record").Op("*").Qual(closeapiPath, k.Name)).Id(fields).
			Add(oneLine(Return(Id(fields).Values(Id("record").Dot("CustomFields"))))))
	} else {
		f.Add(doc(k.Name + " returns the custom fields of a record of " + k.What + "."))
		f.Add(Func().Id(k.Name).Params(Id("fields").Qual(rootPath, "CustomFields")).Id(fields).Add(oneLine(Return(Id(fields).Values(Id("fields"))))))
		f.Line()
		f.Add(doc(k.Name + "Type is the id of " + k.What + "."))
		f.Add(Const().Id(k.Name + "Type").Op("=").Lit(k.ID))
	}
	f.Line()
	f.Add(doc(fields + " reads the custom fields of " + k.What + ". A method reports false for a value that is not set, or of another type than the field had in the lock file."))
	f.Add(Type().Id(fields).Struct(Id("fields").Qual(rootPath, "CustomFields")))
	f.Line()
	f.Add(doc("Set" + k.Name + " sets custom fields of " + k.What + " in the parameters of a call, such as its field CustomFields."))
	f.Add(Func().Id("Set" + k.Name).Params(Id("fields").Op("*").Qual(rootPath, "CustomFields")).Id(setter).Add(oneLine(Return(Id(setter).Values(Id("fields"))))))
	f.Line()
	f.Add(doc(setter + " sets custom fields of " + k.What + ". Its methods return it, so that calls can follow each other."))
	f.Add(Type().Id(setter).Struct(Id("fields").Op("*").Qual(rootPath, "CustomFields")))
	f.Line()
	for i := range k.Fields {
		accessors(f, fields, setter, &k.Fields[i])
	}
	schemaVar := "schemaOf" + k.Name
	f.Add(doc(k.Name + "Schema returns the JSON Schema of the custom fields of " + k.What + ", with their names as hints for models."))
	f.Add(Func().Id(k.Name + "Schema").Params().String().Add(oneLine(Return(Id(schemaVar)))))
	f.Line()
	f.Comment("//go:embed " + k.File + ".schema.json")
	f.Add(Var().Id(schemaVar).String())
	return render(f)
}

// accessors prints the methods of one field, and the type of its choices.
func accessors(f *File, fields, setter string, c *ir.CustomField) {
	id, value := Lit(c.ID), valueType(c)
	result, read := value.Clone(), Id("f").Dot("fields").Dot("Get").Call(id)
	if c.Form != ir.AnyForm {
		if c.Several {
			result = Index().Add(value.Clone())
		}
		name := Id(reader(c))
		if reader(c) != "number" {
			name = name.Types(value.Clone())
		}
		read = name.Call(Id("f").Dot("fields"), id)
	}
	f.Add(doc(c.Go + " is the field " + c.Doc + "."))
	f.Add(short(Func().Params(Id("f").Id(fields)).Id(c.Go).Params().Params(Id("value").Add(result), Id("ok").Bool()), Return(read)))
	f.Line()
	method := func(comment, name string, params []Code, body *Statement) {
		f.Add(doc(comment))
		f.Add(Func().Params(Id("s").Id(setter)).Id(name).Params(params...).Id(setter).Block(body, Return(Id("s"))))
		f.Line()
	}
	set := Id("s").Dot("fields").Dot("Set")
	if c.Several && c.Form != ir.AnyForm {
		method(c.Go+" replaces all values of the field "+c.Doc+".", c.Go, []Code{Id("values").Op("...").Add(value.Clone())},
			set.Clone().Call(id, Qual(rootPath, "CustomTexts").Call(Id("values").Op("..."))))
		method("Add"+c.Go+" adds a value to the field in an update.", "Add"+c.Go, []Code{Id("value").Add(value.Clone())},
			Id("s").Dot("fields").Dot("Add").Call(id, customValue(c, "value")))
		method("Remove"+c.Go+" removes a value from the field in an update.", "Remove"+c.Go, []Code{Id("value").Add(value.Clone())},
			Id("s").Dot("fields").Dot("Remove").Call(id, customValue(c, "value")))
	} else {
		method(c.Go+" sets the field "+c.Doc+".", c.Go, []Code{Id("value").Add(value.Clone())}, set.Clone().Call(id, customValue(c, "value")))
	}
	method("Clear"+c.Go+" removes the value of the field.", "Clear"+c.Go, nil, Id("s").Dot("fields").Dot("Clear").Call(id))
	if c.Form != ir.ChoiceForm {
		return
	}
	f.Add(doc(c.Type + " is a choice of the field " + c.Doc + "."))
	f.Add(Type().Id(c.Type).String())
	f.Line()
	var defs, all []Code
	for _, v := range c.Choices {
		defs = append(defs, Id(v.Name).Id(c.Type).Op("=").Lit(v.Value))
		all = append(all, Id(v.Name))
	}
	if len(defs) > 0 {
		f.Add(doc("Choices of [" + c.Type + "], in their order in Close."))
		f.Add(Const().Defs(defs...))
		f.Line()
	}
	f.Add(doc("Values lists the choices."))
	f.Add(Func().Params(Id(c.Type)).Id("Values").Params().Index().Id(c.Type).Block(Return(fold(40, Index().Id(c.Type), all...))))
	f.Line()
}
